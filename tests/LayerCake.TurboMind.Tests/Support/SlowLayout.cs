namespace LayerCake.TurboMind.Tests;

/// <summary>The layout, one element at a time, straight from the index maps: the reference for every fast kernel.</summary>
internal static class SlowLayout
{
    public static int AwqSlot(int column) => ((column % 8) >> 1) + (4 * (column & 1));

    public static uint[,] AwqPack(byte[,] codes)
    {
        var words = new uint[codes.GetLength(0), codes.GetLength(1) / 8];
        for (var row = 0; row < codes.GetLength(0); row++)
        {
            for (var column = 0; column < codes.GetLength(1); column++)
            {
                words[row, column / 8] |= (uint)codes[row, column] << (4 * AwqSlot(column));
            }
        }

        return words;
    }

    /// <summary>Half-split to interleaved rotary pairs within heads of <paramref name="head"/> columns.</summary>
    public static T[,] Permute<T>(T[,] matrix, int head = 128) =>
        Vectors.Matrix(matrix.GetLength(0), matrix.GetLength(1), (row, d) =>
        {
            var within = d % head;
            return matrix[row, d - within + (within % 2 * (head / 2)) + (within / 2)];
        });

    public static T[,] Merge<T>(T[,] q, T[,] k, T[,] v, int ranks)
    {
        var rows = new List<List<T>>();
        for (var row = 0; row < q.GetLength(0); row++)
        {
            var merged = new List<T>();
            for (var rank = 0; rank < ranks; rank++)
            {
                foreach (var matrix in new[] { q, k, v })
                {
                    var width = matrix.GetLength(1) / ranks;
                    for (var column = rank * width; column < (rank + 1) * width; column++)
                    {
                        merged.Add(matrix[row, column]);
                    }
                }
            }

            rows.Add(merged);
        }

        return Vectors.Matrix(rows.Count, rows[0].Count, (row, column) => rows[row][column]);
    }

    public static T[,] Interleave<T>(T[,] w1, T[,] w3) =>
        Vectors.Matrix(w1.GetLength(0), 2 * w1.GetLength(1), (row, column) => column % 2 == 0 ? w1[row, column / 2] : w3[row, column / 2]);

    public static T[,] Columns<T>(T[,] matrix, int rank, int ranks)
    {
        var width = matrix.GetLength(1) / ranks;
        return Vectors.Matrix(matrix.GetLength(0), width, (row, column) => matrix[row, (rank * width) + column]);
    }

    public static T[,] Rows<T>(T[,] matrix, int rank, int ranks)
    {
        var height = matrix.GetLength(0) / ranks;
        return Vectors.Matrix(height, matrix.GetLength(1), (row, column) => matrix[(rank * height) + row, column]);
    }

    public static T[,] Transpose<T>(T[,] matrix) => Vectors.Matrix(matrix.GetLength(1), matrix.GetLength(0), (row, column) => matrix[column, row]);

    public static (int Word, int Shift) TilePosition(int i, int n, int outputs)
    {
        var tile = (i / 32 * (outputs / 32)) + (n / 32);
        var lane = (4 * (n % 8)) + (i % 8 / 2);
        var quad = (2 * (i % 32 / 16)) + (n % 32 / 16);
        var nibble = (4 * (i % 2)) + (2 * (i % 16 / 8)) + (n % 16 / 8);
        return ((128 * tile) + (4 * lane) + quad, 4 * nibble);
    }

    public static uint[] Tile(byte[,] codes)
    {
        int inputs = codes.GetLength(0), outputs = codes.GetLength(1);
        var words = new uint[inputs * outputs / 8];
        for (var i = 0; i < inputs; i++)
        {
            for (var n = 0; n < outputs; n++)
            {
                var (word, shift) = TilePosition(i, n, outputs);
                words[word] |= (uint)codes[i, n] << shift;
            }
        }

        return words;
    }

    public static uint ScaleZero(ushort scale, int zero) => ((uint)scale << 16) | 0x5400 | ((uint)zero << 4);

    public static T[] Flat<T>(T[,] matrix) => [.. matrix.Cast<T>()];
}
