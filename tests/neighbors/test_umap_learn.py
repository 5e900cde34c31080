"""Loading umap-learn."""

import subprocess
import sys

import pytest

IN_A_NOTEBOOK = """
import sys, types

sys.modules["IPython"] = types.SimpleNamespace(get_ipython=object)
sys.modules["ipykernel.zmqshell"] = types.ModuleType("zmqshell")
sys.modules["ipywidgets"] = None

from autoencoder.neighbors.umap import umap_learn

umap_learn()
assert "tqdm.notebook" in sys.modules
"""


@pytest.mark.slow
def test_in_a_notebook_without_widgets_nothing_is_said_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
