/** What a person can mend: printed as one line, without a stack. Anything else is a bug of ours and keeps its stack. */
export class CliFailure extends Error {}
