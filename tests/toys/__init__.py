"""What a newcomer would write: an objective of each sort, an encoder with a setting, a reducer; see `test_registering`.

Each is one module that knows the contract alone, as its base says it; a line in a registry makes it part of everything.
"""
