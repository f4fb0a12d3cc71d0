"""Nutrient's Data Extraction API: private."""
