"""Filling a remedy with the names that the evidence gave: which module, which variable, which port."""

from collections.abc import Mapping

# Modules whose package has another name. It is the name in requirements.txt that people look for.
PACKAGES = {
    "cv2": "opencv-python-headless",
    "PIL": "Pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "PyYAML",
    "bs4": "beautifulsoup4",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "docx": "python-docx",
    "pptx": "python-pptx",
    "multipart": "python-multipart",
    "jwt": "PyJWT",
    "jose": "python-jose",
    "Crypto": "pycryptodome",
    "serial": "pyserial",
    "faiss": "faiss-cpu",
    "llama_cpp": "llama-cpp-python",
    "pkg_resources": "setuptools<81",
    "git": "GitPython",
    "telegram": "python-telegram-bot",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "attr": "attrs",
    "google.generativeai": "google-generativeai",
    "sentence_transformers": "sentence-transformers",
}

# What stands where the evidence gives no name.
UNNAMED = {
    "address": "it names",
    "app_file": "app.py (a Docker Space: Dockerfile; a static one: index.html)",
    "conflict": "those that the log names",
    "file": "what it names",
    "image": "the one it names",
    "line": "the line that the log names",
    "module": "the module it names",
    "package": "the package it names",
    "place": "the line that the log names",
    "port": "7860",
    "repo": "of the model or dataset",
    "settings": "the Space's Settings",
    "variable": "what the app asks for",
}


def fill(template: str, names: Mapping[str, str]) -> str:
    """Return a remedy with the names put in."""
    known = {name: text.strip() for name, text in names.items()}
    if "module" in known and "package" not in known:
        module = known["module"]
        top = module.partition(".")[0]
        known["package"] = PACKAGES.get(module) or PACKAGES.get(top, top)
    return template.format_map(UNNAMED | known)
