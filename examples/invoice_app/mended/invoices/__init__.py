"""A small application that reads invoices by Extend, and by Nutrient where Extend cannot."""
