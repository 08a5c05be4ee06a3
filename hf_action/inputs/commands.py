"""What the command does beside the operations, and words of other commands for an operation."""

# Words of other commands for an operation that a shell takes as well.
ALIASES = {"ls": "list"}

# What the command does beside the operations (docs/contract.md, Beside the operations).
DOCTOR = "doctor"
COMMANDS = {
    DOCTOR: "Say of token, rights, quota, network, certificates and clock what is found, and what to do. It changes "
    "nothing.",
}
# The inputs that the doctor uses; all others are warned about.
DOCTOR_INPUTS = ("space-id", "operation", "timeout", "token", "endpoint")
# Seconds that it may take where nobody says otherwise.
DOCTOR_TIMEOUT = 30.0
