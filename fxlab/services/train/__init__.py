"""The verb `train`: effect models, the mastering network, instruments and automata, with what all trainings share."""
