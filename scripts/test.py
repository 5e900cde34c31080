"""`autoencoder test` with the documented flags and defaults of the work that this project carries on."""

import sys

from autoencoder.cli.flags.old_flags import translate_with_documented_defaults
from autoencoder.cli.main import main

sys.exit(main(["test", *sys.argv[1:]], translate=translate_with_documented_defaults))
