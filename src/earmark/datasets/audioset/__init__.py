"""AudioSet (Gemmeke et al., 2017): ten-second excerpts of two million videos, chosen by their labels and acquired.

J. F. Gemmeke et al. Audio Set: An ontology and human-labeled dataset for audio events. ICASSP, 2017.
"""
