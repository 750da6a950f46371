"""Watching what comes in: new texts compared with those that the model was judged on."""
