"""The NGSI-LD core @context as tables: which term stands for which IRI (GS CIM 009 annex B, V1.9)."""

NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
GEOJSON = "https://purl.org/geojson/vocab#"
DEFAULT_VOCAB = "https://uri.etsi.org/ngsi-ld/default-context/"
CORE_URL = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
KNOWN_URLS = frozenset(
    f"{scheme}://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context{version}.jsonld"
    for scheme in ("http", "https")
    for version in ("", *(f"-v1.{minor}" for minor in range(10)))
)

PREFIXES = {"ngsi-ld": NGSI_LD, "geojson": GEOJSON}
KEYWORDS = {"id": "@id", "type": "@type"}

# Terms whose IRI ends in the term itself.
_NGSI_LD = """
Attribute AttributeList ContextSourceIdentity ContextSourceNotification ContextSourceRegistration Date DateTime
EntityMap EntityType EntityTypeInfo EntityTypeList ExecutionResultDetails GeoProperty JsonProperty LanguageProperty
ListProperty ListRelationship Notification Property Relationship Snapshot SnapshotNotification Subscription
TemporalProperty Time VocabProperty accept aggrMethods aggrParams aggrPeriodDuration attributeCount attributeDetails
attributeList attributeName attributeNames attributeTypes attributes attrs avg cacheDuration collation
contextSourceAlias contextSourceExtras contextSourceInfo contextSourceTimeAt contextSourceUptime cooldown createdAt csf
data datasetId deletedAt detail distinctCount endAt endTimeAt endpoint entities entity entityCount entityId entityList
error errors expandValues expiresAt format geoQ geoproperty georel idPattern information instanceId isActive join
jsonKeys jsonldContext jsons lang lastFailure lastN lastNotification lastSuccess lastUsedAt linkedMaps localOnly
location management managementInterval max min mode modifiedAt ngsildConformance ngsildproof notUpdated notification
notificationTrigger notifiedAt notifierInfo observationInterval observationSpace observedAt omit operationSpace
operations orderBy ordering pick problemDetails propertyNames q reason receiverInfo refreshRate registrationId
registrationName relationshipNames resultStatus scope scopeQ showChanges snapshotId snapshotLifetime snapshotPriority
snapshotQueries snapshotQueriesDetails snapshotStatus snapshotTemporalQueries snapshotTemporalQueriesDetails startAt
status stddev subscriptionId subscriptionName success sum sumsq sysAttrs temporalQ tenant throttling timeAt
timeInterval timeout timeproperty timerel timesFailed timesSent totalCount triggerReason typeList typeName typeNames
unchanged unitCode updated uri watchedAttributes
"""
_GEOJSON = """
Feature FeatureCollection GeometryCollection LineString MultiLineString MultiPoint MultiPolygon Point Polygon bbox
coordinates features geometry properties
"""
# Terms whose IRI has a name of its own, mostly has…: JSON keys read better short, IRIs as verbs.
_OTHER_NAMES = {
    "containedBy": "isContainedBy",
    "dataset": "hasDataset",
    "entityMap": "hasEntityMap",
    "entityMapLifetime": "hasEntityMapLifetime",
    "joinLevel": "hasJoinLevel",
    "json": "hasJSON",
    "key": "hasKey",
    "languageMap": "hasLanguageMap",
    "languageMaps": "hasLanguageMaps",
    "object": "hasObject",
    "objectList": "hasObjectList",
    "objectLists": "hasObjectLists",
    "objectType": "hasObjectType",
    "objects": "hasObjects",
    "previousJson": "hasPreviousJson",
    "previousLanguageMap": "hasPreviousLanguageMap",
    "previousObject": "hasPreviousObject",
    "previousObjectList": "hasPreviousObjectList",
    "previousValue": "hasPreviousValue",
    "previousValueList": "hasPreviousValueList",
    "previousVocab": "hasPreviousVocab",
    "splitEntities": "hasSplitEntities",
    "value": "hasValue",
    "valueList": "hasValueList",
    "valueLists": "hasValueLists",
    "valueType": "hasValueType",
    "values": "hasValues",
    "vocab": "hasVocab",
    "vocabs": "hasVocabs",
}
_ELSEWHERE = {
    "description": "http://purl.org/dc/terms/description",
    "title": "http://purl.org/dc/terms/title",
    "langString": "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString",
}

TERMS: dict[str, str] = {
    **{term: NGSI_LD + term for term in _NGSI_LD.split()},
    **{term: GEOJSON + term for term in _GEOJSON.split()},
    **{term: NGSI_LD + name for term, name in _OTHER_NAMES.items()},
    **_ELSEWHERE,
}
TERM_OF: dict[str, str] = {iri: term for term, iri in TERMS.items()}
