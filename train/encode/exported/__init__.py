"""Models that were exported as graphs: ONNX and OpenVINO."""
