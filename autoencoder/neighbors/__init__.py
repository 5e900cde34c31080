"""Who is near whom: exact neighbours, UMAP's graph, and places of new points."""
