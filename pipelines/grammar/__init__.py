"""Context-free grammars: strings to rule sequences and back, and decoders whose output always parses."""
