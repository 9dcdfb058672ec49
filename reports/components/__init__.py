"""Parts that several pages use: SVG, colours, the ratio axis, columns of words, tables."""
