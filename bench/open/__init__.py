"""The product with one door that asks nobody who they are: what authentication costs is left."""
