"""FHIR R4 and R5 medication requests to native orders and back. Refuses to judge, to guess and to drop anything."""
