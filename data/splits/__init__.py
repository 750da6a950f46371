"""Keep train, dev and test apart, also where texts are nearly the same."""
