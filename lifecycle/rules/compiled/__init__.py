"""Policy -> Machine: what folding reads, with guards as closures, and what a guard said. Folds nothing."""
