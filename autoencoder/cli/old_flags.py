"""placeholder"""
def translate(argv): return argv
