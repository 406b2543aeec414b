"""Policy -> Machine: what folding reads, with guards as written functions, and what a guard said. Folds nothing."""
