import Box from '@cloudscape-design/components/box';

/** Why a button waits: what is still to be filled or mended. Nothing where there is nothing. */
export function StillMissing({ parts }: { parts: readonly string[] }) {
  if (parts.length === 0) return null;
  return (
    <Box color="text-body-secondary" fontSize="body-s">
      Still missing or to mend: {parts.join(', ')}
    </Box>
  );
}
