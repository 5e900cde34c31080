"""The pieces of `workflows.looking`: what each still of a snapshot takes, computes and says."""
