"""The command line; only here is argparse known."""
