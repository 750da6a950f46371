"""`embed-tune monitor`: are the texts of production still those that the model was judged on?"""
