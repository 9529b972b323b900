// Tests wait for servers and disks, hardly for the processor.
[assembly: Parallelizable(ParallelScope.Fixtures)]
