collect_ignore_glob = ["*.py"]  # masters are data: they name `secret`, which only the grader provides
