// What a decoder layer does between its products, and the statistics of its activations, each in one pass over memory. Compiled for the GPU at hand when
// it is first used (LayerKernels.cs). Values are float16 bits; arithmetic is float32, rounded to float16 wherever the modelling code makes a tensor.
// Names end in the values a thread takes at a time: eight (16 bytes, aligned) or one, for sizes that are no multiple of eight.

typedef unsigned short half_bits;

#define INFINITE __int_as_float(0x7f800000)

__device__ __forceinline__ float widen(half_bits value)
{
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value));
    return wide;
}

__device__ __forceinline__ half_bits narrow(float value)
{
    half_bits bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    return bits;
}

__device__ __forceinline__ float rounded(float value)
{
    return widen(narrow(value));
}

template <int WIDTH>
__device__ __forceinline__ void load(const half_bits* from, float (&values)[WIDTH])
{
    if (WIDTH == 8)
    {
        const uint4 words = *reinterpret_cast<const uint4*>(from);
        const unsigned int parts[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
        for (int i = 0; i < WIDTH; i++)
        {
            values[i] = widen(static_cast<half_bits>(parts[i / 2] >> (16 * (i % 2))));
        }
    }
    else
    {
#pragma unroll
        for (int i = 0; i < WIDTH; i++)
        {
            values[i] = widen(from[i]);
        }
    }
}

template <int WIDTH>
__device__ __forceinline__ void store(half_bits* to, const float (&values)[WIDTH])
{
    if (WIDTH == 8)
    {
        unsigned int parts[4];
#pragma unroll
        for (int i = 0; i < 4; i++)
        {
            parts[i] = narrow(values[(2 * i) % WIDTH]) | (static_cast<unsigned int>(narrow(values[(2 * i + 1) % WIDTH])) << 16);
        }

        *reinterpret_cast<uint4*>(to) = make_uint4(parts[0], parts[1], parts[2], parts[3]);
    }
    else
    {
#pragma unroll
        for (int i = 0; i < WIDTH; i++)
        {
            to[i] = narrow(values[i]);
        }
    }
}

// Largest, smallest, mean and mean magnitude of every channel of every sample. A block of 8 x 32 threads takes 8 * WIDTH channels of one sample over all its
// tokens: what a sample gives depends on no other sample. The order of the sums is fixed.
// x: [samples, tokens, row_stride], of which the first `channels` of a row; out: four planes [all samples][sample_stride].
// not_finite: lowered to the number of the first sample with a value that is not finite.
template <int WIDTH>
__device__ __forceinline__ void reduce_channels(
    const half_bits* x, long long row_stride, int tokens, int channels, half_bits* out, long long plane, int sample_stride, int first_sample, int* not_finite)
{
    const int rows = 32;
    const int columns = 8 * WIDTH;
    __shared__ float partial[4][rows][columns];
    const int base = blockIdx.x * columns;
    const int channel = base + threadIdx.x * WIDTH;
    const half_bits* from = x + static_cast<long long>(blockIdx.y) * tokens * row_stride + channel;
    float largest[WIDTH], smallest[WIDTH], sum[WIDTH], magnitude[WIDTH];
#pragma unroll
    for (int i = 0; i < WIDTH; i++)
    {
        largest[i] = -INFINITE;
        smallest[i] = INFINITE;
        sum[i] = 0.0f;
        magnitude[i] = 0.0f;
    }

    if (channel < channels)
    {
#pragma unroll 4
        for (int token = threadIdx.y; token < tokens; token += rows)
        {
            float values[WIDTH];
            load<WIDTH>(from + token * row_stride, values);
#pragma unroll
            for (int i = 0; i < WIDTH; i++)
            {
                largest[i] = fmaxf(largest[i], values[i]);
                smallest[i] = fminf(smallest[i], values[i]);
                sum[i] += values[i];
                magnitude[i] += fabsf(values[i]);
            }
        }
    }

#pragma unroll
    for (int i = 0; i < WIDTH; i++)
    {
        const int column = threadIdx.x * WIDTH + i;
        partial[0][threadIdx.y][column] = largest[i];
        partial[1][threadIdx.y][column] = smallest[i];
        partial[2][threadIdx.y][column] = sum[i];
        partial[3][threadIdx.y][column] = magnitude[i];
    }

    __syncthreads();
    const float reciprocal = 1.0f / tokens;
    const int sample = first_sample + blockIdx.y;
    for (int index = threadIdx.y * 8 + threadIdx.x; index < 4 * columns; index += 8 * rows)
    {
        const int statistic = index / columns;
        const int column = index % columns;
        if (base + column >= channels)
        {
            continue;
        }

        float value = partial[statistic][0][column];
        for (int row = 1; row < rows; row++)
        {
            const float other = partial[statistic][row][column];
            value = statistic == 0 ? fmaxf(value, other) : statistic == 1 ? fminf(value, other) : value + other;
        }

        if (statistic == 3 && !(value < INFINITE))
        {
            // What is not a number may get lost in an extreme, but never in the sum of magnitudes.
            atomicMin(not_finite, sample);
        }

        out[statistic * plane + static_cast<long long>(sample) * sample_stride + base + column] = narrow(statistic < 2 ? value : value * reciprocal);
    }
}

extern "C" __global__ void reduce_channels_8(
    const half_bits* x, long long row_stride, int tokens, int channels, half_bits* out, long long plane, int sample_stride, int first_sample, int* not_finite)
{
    reduce_channels<8>(x, row_stride, tokens, channels, out, plane, sample_stride, first_sample, not_finite);
}

extern "C" __global__ void reduce_channels_1(
    const half_bits* x, long long row_stride, int tokens, int channels, half_bits* out, long long plane, int sample_stride, int first_sample, int* not_finite)
{
    reduce_channels<1>(x, row_stride, tokens, channels, out, plane, sample_stride, first_sample, not_finite);
}

// All samples merged in their order, with the original's running means: m = f16(f16(f16(m * n) + c) / (n + 1)).
// planes: as reduce_channels writes them; out: [largest, smallest, mean, largest magnitude, mean magnitude][channels].
extern "C" __global__ void merge_samples(const half_bits* planes, long long plane, int samples, int channels, half_bits* out)
{
    const int channel = blockIdx.x * blockDim.x + threadIdx.x;
    if (channel >= channels)
    {
        return;
    }

    float largest = -INFINITE, smallest = INFINITE, mean = 0.0f, magnitude = 0.0f;
    for (int sample = 0; sample < samples; sample++)
    {
        const half_bits* at = planes + static_cast<long long>(sample) * channels + channel;
        const float before = static_cast<float>(sample);
        const float after = static_cast<float>(sample + 1);
        largest = fmaxf(largest, widen(at[0]));
        smallest = fminf(smallest, widen(at[plane]));
        mean = rounded(rounded(rounded(mean * before) + widen(at[2 * plane])) / after);
        magnitude = rounded(rounded(rounded(magnitude * before) + widen(at[3 * plane])) / after);
    }

    out[channel] = narrow(largest);
    out[channels + channel] = narrow(smallest);
    out[2 * channels + channel] = narrow(mean);
    out[3 * channels + channel] = narrow(fmaxf(fabsf(largest), fabsf(smallest)));
    out[4 * channels + channel] = narrow(magnitude);
}

// y = f16(weight * f16(x / sqrt(mean(x^2) + epsilon))), a block of 256 threads for each row.
template <int WIDTH>
__device__ __forceinline__ void rms_norm(const half_bits* x, const half_bits* weight, half_bits* y, int channels, float epsilon)
{
    __shared__ float sums[8];
    const long long row = static_cast<long long>(blockIdx.x) * channels;
    const int step = 256 * WIDTH;
    float sum = 0.0f;
    for (int channel = threadIdx.x * WIDTH; channel < channels; channel += step)
    {
        float values[WIDTH];
        load<WIDTH>(x + row + channel, values);
#pragma unroll
        for (int i = 0; i < WIDTH; i++)
        {
            sum += values[i] * values[i];
        }
    }

#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
    {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }

    if (threadIdx.x % 32 == 0)
    {
        sums[threadIdx.x / 32] = sum;
    }

    __syncthreads();
    const float total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    const float scale = rsqrtf(total * (1.0f / channels) + epsilon);
    for (int channel = threadIdx.x * WIDTH; channel < channels; channel += step)
    {
        float values[WIDTH], weights[WIDTH];
        load<WIDTH>(x + row + channel, values);
        load<WIDTH>(weight + channel, weights);
#pragma unroll
        for (int i = 0; i < WIDTH; i++)
        {
            values[i] = weights[i] * rounded(values[i] * scale);
        }

        store<WIDTH>(y + row + channel, values);
    }
}

extern "C" __global__ void rms_norm_8(const half_bits* x, const half_bits* weight, half_bits* y, int channels, float epsilon)
{
    rms_norm<8>(x, weight, y, channels, epsilon);
}

extern "C" __global__ void rms_norm_1(const half_bits* x, const half_bits* weight, half_bits* y, int channels, float epsilon)
{
    rms_norm<1>(x, weight, y, channels, epsilon);
}

// Rotary embedding in place: f16(f16(x * cos) + f16(rotate_half(x) * sin)).
// x: [rows, heads, 2 * half], the position of a row being row % tokens; cosines and sines: [tokens, 2 * half], both halves alike.
template <int WIDTH>
__device__ __forceinline__ void rotate(
    half_bits* x, const half_bits* cosines, const half_bits* sines, long long rows, int tokens, int heads, int half)
{
    const int per_head = half / WIDTH;
    const long long per_row = static_cast<long long>(heads) * per_head;
    const long long index = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= rows * per_row)
    {
        return;
    }

    const long long row = index / per_row;
    const int rest = static_cast<int>(index % per_row);
    const int within = (rest % per_head) * WIDTH;
    half_bits* low = x + (row * heads + rest / per_head) * (2 * half) + within;
    const long long position = (row % tokens) * (2 * half) + within;
    float a[WIDTH], b[WIDTH], cosine[WIDTH], sine[WIDTH];
    load<WIDTH>(low, a);
    load<WIDTH>(low + half, b);
    load<WIDTH>(cosines + position, cosine);
    load<WIDTH>(sines + position, sine);
#pragma unroll
    for (int i = 0; i < WIDTH; i++)
    {
        const float first = rounded(a[i] * cosine[i]) + rounded(-b[i] * sine[i]);
        const float second = rounded(b[i] * cosine[i]) + rounded(a[i] * sine[i]);
        a[i] = first;
        b[i] = second;
    }

    store<WIDTH>(low, a);
    store<WIDTH>(low + half, b);
}

extern "C" __global__ void rotate_8(
    half_bits* x, const half_bits* cosines, const half_bits* sines, long long rows, int tokens, int heads, int half)
{
    rotate<8>(x, cosines, sines, rows, tokens, heads, half);
}

extern "C" __global__ void rotate_1(
    half_bits* x, const half_bits* cosines, const half_bits* sines, long long rows, int tokens, int heads, int half)
{
    rotate<1>(x, cosines, sines, rows, tokens, heads, half);
}

// gate = f16(f16(silu(gate)) * up), in place.
template <int WIDTH>
__device__ __forceinline__ void gate_up(half_bits* gate, const half_bits* up, long long count)
{
    const long long index = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * WIDTH;
    if (index >= count)
    {
        return;
    }

    float gates[WIDTH], ups[WIDTH];
    load<WIDTH>(gate + index, gates);
    load<WIDTH>(up + index, ups);
#pragma unroll
    for (int i = 0; i < WIDTH; i++)
    {
        gates[i] = rounded(gates[i] / (1.0f + expf(-gates[i]))) * ups[i];
    }

    store<WIDTH>(gate + index, gates);
}

extern "C" __global__ void gate_up_8(half_bits* gate, const half_bits* up, long long count)
{
    gate_up<8>(gate, up, count);
}

extern "C" __global__ void gate_up_1(half_bits* gate, const half_bits* up, long long count)
{
    gate_up<1>(gate, up, count);
}
