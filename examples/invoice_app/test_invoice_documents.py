import asyncio

import pytest
from invoices import documents

URL = "https://files.example.com/{}.pdf"


def test_receipt(extend_api):
    assert documents.read_receipt(URL.format("receipt"))["chunks"]


def test_invoice(extend_api):
    assert documents.read_invoice(URL.format("invoice"))["chunks"]


def test_order(extend_api):
    assert documents.read_order(URL.format("order"))["chunks"]


def test_letter(extend_api):
    assert documents.read_letter(URL.format("letter"))["chunks"]


def test_statement(extend_api):
    assert documents.read_statement(URL.format("statement"))["chunks"]


def test_note(extend_api):
    assert documents.read_note(URL.format("note"))["chunks"]


@pytest.mark.usefixtures("extend_api", "nutrient_api")
def test_estimate():
    assert isinstance(documents.read_estimate(URL.format("estimate")), dict)


def test_pages(extend_api):
    urls = [URL.format(name) for name in ("one", "two", "three")]
    assert set(asyncio.run(documents.read_pages(urls))) <= set(urls)


def test_scan(extend_api, tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF-1.7 a scan")
    assert documents.read_scan(path)["chunks"]
