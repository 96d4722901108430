"""This machine as a place for jobs: the only package that starts a Java process here."""
