"""What a text can cite, and the list of what it did cite."""

from __future__ import annotations

import re

REFERENCES = {
    "Anderson, 2001": "Anderson, M. J. (2001). A new method for non-parametric multivariate analysis of variance. "
    "Austral Ecology, 26(1), 32-46.",
    "Anderson, 2006": "Anderson, M. J. (2006). Distance-based tests for homogeneity of multivariate dispersions. "
    "Biometrics, 62(1), 245-253.",
    "Anderson & ter Braak, 2003": "Anderson, M. J., & ter Braak, C. J. F. (2003). Permutation tests for "
    "multi-factorial analysis of variance. Journal of Statistical Computation and Simulation, 73(2), 85-113.",
    "Bauer, 2021": "Bauer, U. (2021). Ripser: efficient computation of Vietoris-Rips persistence barcodes. Journal of "
    "Applied and Computational Topology, 5(3), 391-423.",
    "Borg & Groenen, 2005": "Borg, I., & Groenen, P. J. F. (2005). Modern Multidimensional Scaling: Theory and "
    "Applications (2nd ed.). Springer.",
    "Breiman et al., 1984": "Breiman, L., Friedman, J. H., Olshen, R. A., & Stone, C. J. (1984). Classification and "
    "Regression Trees. Wadsworth.",
    "de Silva et al., 2011": "de Silva, V., Morozov, D., & Vejdemo-Johansson, M. (2011). Persistent cohomology and "
    "circular coordinates. Discrete & Computational Geometry, 45(4), 737-759.",
    "Efron & Tibshirani, 1993": "Efron, B., & Tibshirani, R. J. (1993). An Introduction to the Bootstrap. Chapman & "
    "Hall.",
    "C. R. Harris et al., 2020": "Harris, C. R., Millman, K. J., van der Walt, S. J., et al. (2020). Array programming "
    "with NumPy. Nature, 585, 357-362.",
    "K. D. Harris, 2020": "Harris, K. D. (2020). Nonsense correlations in neuroscience. bioRxiv, 2020.11.29.402719.",
    "Jordan et al., 2024": "Jordan, K., Jin, Y., Boza, V., You, J., Cesista, F., Newhouse, L., & Bernstein, J. (2024). "
    "Muon: an optimizer for hidden layers in neural networks. kellerjordan.github.io/posts/muon.",
    "Kingma & Ba, 2015": "Kingma, D. P., & Ba, J. (2015). Adam: a method for stochastic optimization. International "
    "Conference on Learning Representations. arXiv:1412.6980.",
    "Klabunde et al., 2023": "Klabunde, M., Schumacher, T., Strohmaier, M., & Lemmerich, F. (2023). Similarity of "
    "neural network models: a survey of functional and representational measures. arXiv:2305.06329.",
    "Kornblith et al., 2019": "Kornblith, S., Norouzi, M., Lee, H., & Hinton, G. (2019). Similarity of neural network "
    "representations revisited. Proceedings of the 36th International Conference on Machine Learning, PMLR 97, "
    "3519-3529.",
    "Kruskal, 1964": "Kruskal, J. B. (1964). Multidimensional scaling by optimizing goodness of fit to a nonmetric "
    "hypothesis. Psychometrika, 29(1), 1-27.",
    "Levina & Bickel, 2004": "Levina, E., & Bickel, P. J. (2004). Maximum likelihood estimation of intrinsic "
    "dimension. Advances in Neural Information Processing Systems, 17, 777-784.",
    "Loshchilov & Hutter, 2017": "Loshchilov, I., & Hutter, F. (2017). SGDR: stochastic gradient descent with warm "
    "restarts. International Conference on Learning Representations. arXiv:1608.03983.",
    "Loshchilov & Hutter, 2019": "Loshchilov, I., & Hutter, F. (2019). Decoupled weight decay regularization. "
    "International Conference on Learning Representations. arXiv:1711.05101.",
    "MacKay & Ghahramani, 2005": "MacKay, D. J. C., & Ghahramani, Z. (2005). Comments on 'Maximum likelihood "
    "estimation of intrinsic dimension' by E. Levina and P. Bickel (2004). inference.org.uk/mackay/dimension.",
    "McInnes et al., 2018": "McInnes, L., Healy, J., & Melville, J. (2018). UMAP: uniform manifold approximation and "
    "projection for dimension reduction. arXiv:1802.03426.",
    "Paszke et al., 2019": "Paszke, A., Gross, S., Massa, F., et al. (2019). PyTorch: an imperative style, "
    "high-performance deep learning library. Advances in Neural Information Processing Systems, 32, 8024-8035.",
    "Pedregosa et al., 2011": "Pedregosa, F., Varoquaux, G., Gramfort, A., et al. (2011). Scikit-learn: machine "
    "learning in Python. Journal of Machine Learning Research, 12, 2825-2830.",
    "Perea, 2020": "Perea, J. A. (2020). Sparse circular coordinates via principal Z-bundles. In Topological Data "
    "Analysis, Abel Symposia 15, 435-458. Springer.",
    "Smith & Topin, 2019": "Smith, L. N., & Topin, N. (2019). Super-convergence: very fast training of neural networks "
    "using large learning rates. Proceedings of SPIE, 11006, 1100612.",
    "Song et al., 2012": "Song, L., Smola, A., Gretton, A., Bedo, J., & Borgwardt, K. (2012). Feature selection via "
    "dependence maximization. Journal of Machine Learning Research, 13, 1393-1434.",
    "Tralie et al., 2018": "Tralie, C., Saul, N., & Bar-On, R. (2018). Ripser.py: a lean persistent homology library "
    "for Python. Journal of Open Source Software, 3(29), 925.",
    "Virtanen et al., 2020": "Virtanen, P., Gommers, R., Oliphant, T. E., et al. (2020). SciPy 1.0: fundamental "
    "algorithms for scientific computing in Python. Nature Methods, 17, 261-272.",
    "Westfall & Young, 1993": "Westfall, P. H., & Young, S. S. (1993). Resampling-Based Multiple Testing: Examples and "
    "Methods for p-Value Adjustment. Wiley.",
    "Williams et al., 2021": "Williams, A. H., Kunz, E., Kornblith, S., & Linderman, S. W. (2021). Generalized shape "
    "metrics on neural representations. Advances in Neural Information Processing Systems, 34, 4738-4750.",
    "Yuan & Shou, 2024": "Yuan, A. E., & Shou, W. (2024). A rigorous and versatile statistical test for correlations "
    "between stationary time series. PLOS Biology, 22(8), e3002758.",
}
"""What can be cited: as it stands in the text, and in full, in the order of the list."""

CITED = re.compile(r"\[\[(.+?)\]\]")
"""A citation as sections write it, such as "[[Anderson, 2001; Kruskal, 1964]]". Names of the user hold none: their
brackets are escaped."""


def with_references(text: str) -> str:
    """A text with its citations in round brackets, and below it a line for each reference that it cites.

    Args:
        text: Markdown, with citations as in `CITED`.

    Raises:
        KeyError: what is cited is not among `REFERENCES`.
    """
    cited = {short for found in CITED.findall(text) for short in found.split("; ")}
    if unknown := cited - REFERENCES.keys():
        raise KeyError(f"no reference is called {', '.join(sorted(unknown))}")
    lines = [f"- {full}" for short, full in REFERENCES.items() if short in cited]
    return "\n\n".join([CITED.sub(r"(\1)", text), "## References", "\n".join(lines)]) + "\n"
