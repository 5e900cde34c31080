"""`autoencoder train` with PCA or UMAP as the encoder, with the documented flags and defaults of the earlier work."""

import sys

from autoencoder.cli.flags.old_flags import translate_with_documented_defaults
from autoencoder.cli.main import main

sys.exit(main(["train_encoder_pca_umap", *sys.argv[1:]], translate=translate_with_documented_defaults))
