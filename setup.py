"""Which packages there are; everything else about the package is written in pyproject.toml.

`configs/` stays at the top of the repository, where people look for it, and is put inside of `train` in an installed package.
pyproject.toml could say so only beside a list of all packages, which would have to grow with every new folder.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["data", "data.*", "train", "train.*"]), "train.configs"],
    package_dir={"train.configs": "configs"},
)
