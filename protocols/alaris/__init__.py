"""The serial protocol of Alaris GH syringe pumps, as far as it is known (docs/dialects/alaris.md)."""
