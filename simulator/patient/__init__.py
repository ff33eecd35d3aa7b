"""The virtual patient: serum magnesium under infusion. It explains and stresses; it never decides a dose.

Refuses to know pumps, orders and files, the picture alone excepted.
"""
