"""New Era NE-1000 syringe pumps (bench pumps, also sold as WPI Aladdin): docs/dialects/new_era.md."""
