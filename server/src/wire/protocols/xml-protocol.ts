import { AwsRestXmlProtocol, XmlShapeDeserializer } from '@aws-sdk/core/protocols';
import { HttpInterceptingShapeDeserializer } from '@smithy/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import { DEPTH_LIMIT } from './protocol.ts';
import { readXml, TEXT, type XmlElement } from './xml-document.ts';

/**
 * The SDK's restXml with a reader that serves a server. The SDK's own reads what AWS writes: a space between two elements
 * makes it forget them, and where text or a list stands in an element's place it finds an empty one, which in a lifecycle
 * rule or a tag set means everything or nothing.
 */
export class XmlProtocol extends AwsRestXmlProtocol {
  constructor(options: ConstructorParameters<typeof AwsRestXmlProtocol>[0]) {
    super(options);
    const { settings } = this.getPayloadCodec();
    this.deserializer = new HttpInterceptingShapeDeserializer(new DocumentDeserializer(settings), settings);
  }
}

class DocumentDeserializer extends XmlShapeDeserializer {
  /** @throws Error for what is no XML, has another root element or does not fit the schema */
  override read(schema: never, bytes: Uint8Array | string): unknown {
    const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
    const { name, root } = readXml(text, DEPTH_LIMIT);
    const payload = NormalizedSchema.of(schema);
    const expected = payload.getMergedTraits().xmlName ?? payload.getName();
    // A stray document has none of the members, and would set everything to its default.
    if (name !== expected) throw new Error(`The root element must be ${expected}; it is ${name}.`);
    return this.readSchema(schema, root);
  }

  override readSchema(schema: never, value: unknown): unknown {
    const shape = NormalizedSchema.of(schema);
    const holdsElements = shape.isStructSchema() || shape.isListSchema() || shape.isMapSchema();
    if (Array.isArray(value) && shape.isStructSchema()) throw new Error(`${shape.getName()} comes more than once.`);
    if (!isElement(value)) return super.readSchema(schema, value);
    if (!holdsElements) return super.readSchema(schema, textFor(shape, value));
    const isFlatList = shape.isListSchema() && Boolean(shape.getMergedTraits().xmlFlattened);
    if (!isFlatList && !isSpace(value[TEXT])) throw new Error(`${shape.getName()} has text in place of elements.`);
    return super.readSchema(schema, value);
  }
}

function isElement(value: unknown): value is XmlElement {
  return typeof value === 'object' && value !== null && TEXT in value;
}

/** XML Schema: space around a number, a date or a boolean is none of it. */
function textFor(shape: NormalizedSchema, element: XmlElement): string {
  const text = element[TEXT];
  if (Object.values(element).some(child => typeof child !== 'string'))
    throw new Error(`${shape.getName()} has elements in place of text.`);
  if (!shape.isNumericSchema() && !shape.isBooleanSchema() && !shape.isTimestampSchema()) return text;
  const collapsed = text.trim();
  if (shape.isBooleanSchema() && !/^(true|false)$/i.test(collapsed)) throw new Error(`"${collapsed}" is no boolean.`);
  if (shape.isNumericSchema() && (collapsed === '' || Number.isNaN(Number(collapsed))))
    throw new Error(`"${collapsed}" is no number.`);
  return collapsed;
}

function isSpace(text: string): boolean {
  return !/[^ \t\n]/.test(text);
}
