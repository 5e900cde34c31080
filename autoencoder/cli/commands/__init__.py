"""Commands of the command line, a module for each: `HELP`, `add_arguments(parser)` and `run(args)`."""
