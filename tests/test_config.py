"""show_config: what a bug report needs."""

import fastgd as gd


def test_the_configuration_is_printed_and_returned(capsys):
    config = gd.show_config()
    printed = capsys.readouterr().out
    assert set(config) >= {
        "fastgd",
        "Python",
        "NumPy",
        "SciPy",
        "compiler",
        "SIMD",
        "BLAS",
        "cores",
    }
    for name, value in config.items():
        assert value and f"{name:<9} {value}" in printed
    assert any(level in config["SIMD"] for level in ("AVX-512", "AVX2", "baseline"))
