"""One pure object per pump dialect: commands in, bytes and facts out."""
