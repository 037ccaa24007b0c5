"""The programs of braid: this package has them in bin/, and the libraries that they load in lib/."""
