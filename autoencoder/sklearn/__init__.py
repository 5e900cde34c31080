"""The project's autoencoders as a transformer of scikit-learn."""

from autoencoder.sklearn.transformer import AutoencoderTransformer

__all__ = ["AutoencoderTransformer"]
