"""Our admission webhook: platform defaults for every SparkApplication, by the same rules as `sparkyard check`. Starts light: no Spark."""
