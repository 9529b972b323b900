// Cake starts on one core: two runs at once, each in a folder of its own or one that none of them writes to.
[assembly: Parallelizable(ParallelScope.All)]
[assembly: LevelOfParallelism(2)]
