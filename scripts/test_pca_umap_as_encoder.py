"""`autoencoder test` of a run with PCA or UMAP as the encoder, with the documented flags of the earlier work."""

import sys

from autoencoder.cli.flags.old_flags import translate_with_documented_defaults
from autoencoder.cli.main import main

sys.exit(main(["test_pca_umap_as_encoder", *sys.argv[1:]], translate=translate_with_documented_defaults))
