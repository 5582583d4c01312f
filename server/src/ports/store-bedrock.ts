/** Rows of the bedrock service. */
export type BedrockRows = {};
