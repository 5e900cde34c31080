"""`autoencoder train` for the body angle, with the documented flags and defaults of the earlier work."""

import sys

from autoencoder.cli.flags.old_flags import translate_with_documented_defaults
from autoencoder.cli.main import main

sys.exit(main(["train_predict_body_angle", *sys.argv[1:]], translate=translate_with_documented_defaults))
