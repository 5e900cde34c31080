"""The name under which this package is distributed, its version, and where its documentation is; pyproject.toml and
CITATION.cff say the same."""

__version__ = "0.1.0"

DISTRIBUTION = "autoencoder-objectives"
"""The import package and the command are called `autoencoder`; on the package index that name is another project's."""

DOCUMENTATION = "https://autoencoder-objectives.github.io/autoencoder-objectives/"


def installing(extra: str) -> str:
    """The command that installs what an optional part needs, for messages."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"
