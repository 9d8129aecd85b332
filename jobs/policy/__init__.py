"""The rules of long work: which moves a job has, who sees it, how a file is read. Pure."""
