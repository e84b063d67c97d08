"""Wave equations, media, surveys and boundaries."""
