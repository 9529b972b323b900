// What quantizing groups of 128 inputs needs on a GPU. Compiled for the GPU at hand when it is first used (SolverKernels.cs). A warp takes one group of one
// output; each of its 32 lanes holds four neighbouring inputs, so rows are read and written 16 bytes at a time. Sums over a warp have a fixed order.
// Matrices are float32, row by row; a stride is the floats (of codes: the bytes) from one row to the next and a multiple of 4.

#define LANES 32
#define WIDTH 4
#define WARPS_PER_BLOCK 8

__device__ __forceinline__ float rounded(float value)
{
    unsigned short bits;
    float wide;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(bits));
    return wide;
}

__device__ __forceinline__ float sum_of_warp(float value)
{
#pragma unroll
    for (int distance = LANES / 2; distance > 0; distance /= 2)
    {
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    }

    return value;
}

__device__ __forceinline__ void load(const float* from, float (&values)[WIDTH])
{
    const float4 four = *reinterpret_cast<const float4*>(from);
    values[0] = four.x;
    values[1] = four.y;
    values[2] = four.z;
    values[3] = four.w;
}

__device__ __forceinline__ void store(float* to, const float (&values)[WIDTH])
{
    *reinterpret_cast<float4*>(to) = make_float4(values[0], values[1], values[2], values[3]);
}

__device__ __forceinline__ void load_codes(const unsigned char* from, float (&codes)[WIDTH])
{
    const unsigned int four = *reinterpret_cast<const unsigned int*>(from);
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        codes[c] = static_cast<float>((four >> (8 * c)) & 0xffu);
    }
}

__device__ __forceinline__ void store_codes(unsigned char* to, const float (&codes)[WIDTH])
{
    unsigned int four = 0u;
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        four |= static_cast<unsigned int>(codes[c]) << (8 * c);
    }

    *reinterpret_cast<unsigned int*>(to) = four;
}

__device__ __forceinline__ float reciprocal_of(float scale)
{
    return scale > 0.0f ? 1.0f / scale : 0.0f;
}

__device__ __forceinline__ float code_of(float w, float reciprocal, float zero)
{
    return fminf(fmaxf(rintf(w * reciprocal) + zero, 0.0f), 15.0f);
}

__device__ __forceinline__ void range_of(float low, float high, float& scale, float& zero)
{
    scale = rounded((high - low) * (1.0f / 15.0f));
    zero = fminf(fmaxf(rintf(-low * reciprocal_of(scale)), 0.0f), 15.0f);
}

// Sum of importance * (w' - w)^2 over the warp.
__device__ __forceinline__ float cost_of(const float (&w)[WIDTH], const float (&importance)[WIDTH], float scale, float zero)
{
    const float reciprocal = reciprocal_of(scale);
    float cost = 0.0f;
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        const float error = (code_of(w[c], reciprocal, zero) - zero) * scale - w[c];
        cost = fmaf(error * importance[c], error, cost);
    }

    return sum_of_warp(cost);
}

// The scale that makes that least with the codes that scale and zero give.
__device__ __forceinline__ float fitted_scale(const float (&w)[WIDTH], const float (&importance)[WIDTH], float scale, float zero)
{
    const float reciprocal = reciprocal_of(scale);
    float product = 0.0f, square = 0.0f;
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        const float steps = code_of(w[c], reciprocal, zero) - zero;
        const float weighted = steps * importance[c];
        product = fmaf(weighted, w[c], product);
        square = fmaf(weighted, steps, square);
    }

    product = sum_of_warp(product);
    square = sum_of_warp(square);
    return square > 0.0f && product > 0.0f ? rounded(product / square) : scale;
}

__device__ __forceinline__ void take_if_better(
    const float (&w)[WIDTH], const float (&importance)[WIDTH], float scale, float zero, float& best_cost, float& best_scale, float& best_zero)
{
    const float cost = cost_of(w, importance, scale, zero);
    if (cost < best_cost)
    {
        best_cost = cost;
        best_scale = scale;
        best_zero = zero;
    }
}

// Scale and zero point of a group: its whole range, widened to include zero, and with steps > 0 the best of smaller ranges, refined.
__device__ void find_range(
    const float (&w)[WIDTH], const float (&importance)[WIDTH], int steps, float least, int refinements, float& best_scale, float& best_zero)
{
    float low = 0.0f, high = 0.0f;
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        low = fminf(low, w[c]);
        high = fmaxf(high, w[c]);
    }

#pragma unroll
    for (int distance = LANES / 2; distance > 0; distance /= 2)
    {
        low = fminf(low, __shfl_xor_sync(0xffffffffu, low, distance));
        high = fmaxf(high, __shfl_xor_sync(0xffffffffu, high, distance));
    }

    range_of(low, high, best_scale, best_zero);
    if (steps == 0)
    {
        return;
    }

    float best_cost = cost_of(w, importance, best_scale, best_zero);
    for (int step = 1; step <= steps; step++)
    {
        const float part = 1.0f - (1.0f - least) * step / steps;
        float scale, zero;
        range_of(low * part, high * part, scale, zero);
        take_if_better(w, importance, scale, zero, best_cost, best_scale, best_zero);
    }

    for (int round = 0; round < refinements; round++)
    {
        const float fitted = fitted_scale(w, importance, best_scale, best_zero);
        take_if_better(w, importance, fitted, best_zero, best_cost, best_scale, best_zero);
        take_if_better(w, importance, best_scale, fminf(best_zero + 1.0f, 15.0f), best_cost, best_scale, best_zero);
        take_if_better(w, importance, best_scale, fmaxf(best_zero - 1.0f, 0.0f), best_cost, best_scale, best_zero);
    }
}

// Rounds every group to nearest in the range found for it.
// w: [rows, stride] of which 128 * groups; importance: [128 * groups]; codes: [rows, 128 * groups]; scales, zeros: [rows, groups].
extern "C" __global__ void round_groups(
    const float* w, long long stride, const float* importance, long long count, int groups, int steps, float least, int refinements,
    unsigned char* codes, float* scales, float* zeros)
{
    const long long index = static_cast<long long>(blockIdx.x) * WARPS_PER_BLOCK + threadIdx.x / LANES;
    if (index >= count)
    {
        return;
    }

    const int lane = threadIdx.x % LANES;
    const long long row = index / groups;
    const long long place = (index % groups) * (LANES * WIDTH) + lane * WIDTH;
    float values[WIDTH], weights[WIDTH], rounding[WIDTH];
    load(w + row * stride + place, values);
    load(importance + place, weights);
    float scale, zero;
    find_range(values, weights, steps, least, refinements, scale, zero);
    const float reciprocal = reciprocal_of(scale);
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        rounding[c] = code_of(values[c], reciprocal, zero);
    }

    store_codes(codes + row * groups * (LANES * WIDTH) + place, rounding);
    if (lane == 0)
    {
        scales[index] = scale;
        zeros[index] = zero;
    }
}

// What rounding to nearest does to weights whose inputs are scaled, in the unscaled space: errors = (w' - w s) / s.
// w, errors: [rows, 128 * groups]; input_scales: [128 * groups]; diagonal: of the second moments of the unscaled input.
extern "C" __global__ void search_errors(
    const float* w, const float* input_scales, const float* diagonal, long long count, int groups, int steps, float least, int refinements, float* errors)
{
    const long long index = static_cast<long long>(blockIdx.x) * WARPS_PER_BLOCK + threadIdx.x / LANES;
    if (index >= count)
    {
        return;
    }

    const int lane = threadIdx.x % LANES;
    const long long column = (index % groups) * (LANES * WIDTH) + lane * WIDTH;
    const long long place = index / groups * groups * (LANES * WIDTH) + column;
    float values[WIDTH], factors[WIDTH], importance[WIDTH];
    load(w + place, values);
    load(input_scales + column, factors);
    load(diagonal + column, importance);
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        values[c] *= factors[c];
        importance[c] /= factors[c] * factors[c];
    }

    float scale, zero;
    find_range(values, importance, steps, least, refinements, scale, zero);
    const float reciprocal = reciprocal_of(scale);
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        values[c] = ((code_of(values[c], reciprocal, zero) - zero) * scale - values[c]) * (1.0f / factors[c]);
    }

    store(errors + place, values);
}

// Rounds the 128 inputs of a group one after the other, each making up for the errors of those before it.
// t: [rows, 128], targets that the groups before have moved; w, errors: [rows, stride] at the group; u: strictly upper triangular, [128, u_stride] at the group's
// diagonal block; pivots: [128]; codes: [rows, stride] at the group; scales, zeros: [rows, groups] at the group.
extern "C" __global__ void compensate_group(
    const float* t, const float* w, long long stride, const float* u, long long u_stride, const float* pivots, int rows, int steps, float least, int refinements,
    float* errors, unsigned char* codes, float* scales, float* zeros, int groups)
{
    const long long row = static_cast<long long>(blockIdx.x) * WARPS_PER_BLOCK + threadIdx.x / LANES;
    if (row >= rows)
    {
        return;
    }

    const int lane = threadIdx.x % LANES;
    float targets[WIDTH], weights[WIDTH], importance[WIDTH], rounding[WIDTH], lost[WIDTH];
    load(t + row * (LANES * WIDTH) + lane * WIDTH, targets);
    load(w + row * stride + lane * WIDTH, weights);
    load(pivots + lane * WIDTH, importance);
    float scale, zero;
    find_range(targets, importance, steps, least, refinements, scale, zero);
    const float reciprocal = reciprocal_of(scale);
    for (int owner = 0; owner < LANES; owner++)
    {
#pragma unroll
        for (int c = 0; c < WIDTH; c++)
        {
            // Every lane rounds its own input; the owner's is the one that counts.
            const float code = code_of(targets[c], reciprocal, zero);
            const float mine = weights[c] - (code - zero) * scale;
            const float error = __shfl_sync(0xffffffffu, mine, owner);
            if (lane == owner)
            {
                rounding[c] = code;
                lost[c] = mine;
            }

            float feedback[WIDTH];
            load(u + (owner * WIDTH + c) * u_stride + lane * WIDTH, feedback);
#pragma unroll
            for (int k = 0; k < WIDTH; k++)
            {
                targets[k] = fmaf(feedback[k], error, targets[k]);
            }
        }
    }

    store(errors + row * stride + lane * WIDTH, lost);
    store_codes(codes + row * stride + lane * WIDTH, rounding);
    if (lane == 0)
    {
        scales[row * groups] = scale;
        zeros[row * groups] = zero;
    }
}

// Every code of a group becomes the best one given all others; then its scale the best for them, where that lowers the error.
// gradient: [rows, 128] = (w - w') H at the group; h: [128, h_stride], the group's diagonal block; w, residual = w - w': [rows, stride] at the group; codes: likewise;
// scales, zeros: [rows, groups] at the group.
extern "C" __global__ void descend_group(
    const float* gradient, const float* h, long long h_stride, const float* w, long long stride, int rows,
    float* residual, unsigned char* codes, float* scales, const float* zeros, int groups)
{
    const long long row = static_cast<long long>(blockIdx.x) * WARPS_PER_BLOCK + threadIdx.x / LANES;
    if (row >= rows)
    {
        return;
    }

    const int lane = threadIdx.x % LANES;
    float g[WIDTH], code[WIDTH], weights[WIDTH], curvature_of[WIDTH];
    load(gradient + row * (LANES * WIDTH) + lane * WIDTH, g);
    load(w + row * stride + lane * WIDTH, weights);
    load_codes(codes + row * stride + lane * WIDTH, code);
    float scale = scales[row * groups];
    const float zero = zeros[row * groups];
    const float reciprocal = reciprocal_of(scale);
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        const int j = lane * WIDTH + c;
        curvature_of[c] = h[j * h_stride + j];
    }

    for (int owner = 0; owner < LANES; owner++)
    {
#pragma unroll
        for (int c = 0; c < WIDTH; c++)
        {
            const float wanted = (code[c] - zero) * scale + g[c] / curvature_of[c];
            const float better = code_of(wanted, reciprocal, zero);
            const float move = __shfl_sync(0xffffffffu, (code[c] - better) * scale, owner);
            if (move != 0.0f)
            {
                if (lane == owner)
                {
                    code[c] = better;
                }

                float line[WIDTH];
                load(h + (owner * WIDTH + c) * h_stride + lane * WIDTH, line);
#pragma unroll
                for (int k = 0; k < WIDTH; k++)
                {
                    g[k] = fmaf(line[k], move, g[k]);
                }
            }
        }
    }

    float steps[WIDTH], image[WIDTH];
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        steps[c] = code[c] - zero;
        image[c] = 0.0f;
    }

    for (int owner = 0; owner < LANES; owner++)
    {
#pragma unroll
        for (int c = 0; c < WIDTH; c++)
        {
            const float b = __shfl_sync(0xffffffffu, steps[c], owner);
            float line[WIDTH];
            load(h + (owner * WIDTH + c) * h_stride + lane * WIDTH, line);
#pragma unroll
            for (int k = 0; k < WIDTH; k++)
            {
                image[k] = fmaf(line[k], b, image[k]);
            }
        }
    }

    float slope = 0.0f, curvature = 0.0f;
#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        slope = fmaf(steps[c], g[c], slope);
        curvature = fmaf(steps[c], image[c], curvature);
    }

    slope = sum_of_warp(slope);
    curvature = sum_of_warp(curvature);
    if (curvature > 0.0f)
    {
        const float wanted = rounded(scale + slope / curvature);
        const float step = wanted - scale;

        // Rounding may have carried it past the point where the gain is lost again.
        if (wanted > 0.0f && wanted < 65504.0f && step * ((slope + slope) - step * curvature) > 0.0f)
        {
            scale = wanted;
        }
    }

#pragma unroll
    for (int c = 0; c < WIDTH; c++)
    {
        weights[c] -= steps[c] * scale;
    }

    store(residual + row * stride + lane * WIDTH, weights);
    store_codes(codes + row * stride + lane * WIDTH, code);
    if (lane == 0)
    {
        scales[row * groups] = scale;
    }
}
