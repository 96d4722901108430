"""Sparkyard: Spark on Kubernetes without becoming a Spark-on-Kubernetes expert."""

__version__ = "0.1.0"
