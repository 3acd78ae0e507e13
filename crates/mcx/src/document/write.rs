//! Writes an MC info document: the elements in the schema's order, each with its value child and
//! `type="Normal"`.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::{Document, STAY_NAMESPACE};
use crate::{KindElement, MessageKind, ServiceProfile};

impl Document {
    /// The document of a service as UTF-8 XML; validates against the schema of that service. Its lines end with CRLF, the line
    /// end of text in SIP bodies: bare LF is a leniency towards peers (wire profile, "Leniency").
    #[must_use]
    pub fn write(&self, profile: &ServiceProfile) -> String {
        let mut xml = String::with_capacity(1024);
        let (root, params) = (&profile.root, &profile.params);
        xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
        let _ = write!(
            xml,
            "<{root} xmlns=\"{}\"><{params}>",
            escape(&profile.namespace)
        );
        content(
            &mut xml,
            &profile.access_token,
            &profile.string,
            self.access_token.as_deref(),
        );
        content(
            &mut xml,
            &profile.request_uri,
            &profile.uri,
            self.request_uri.as_deref(),
        );
        let kind = self.kind.map(|k| (k, profile.kind_value(k)));
        if let (Some((_, value)), KindElement::RequestTypeInParams) = (kind, profile.kind_element) {
            let _ = write!(xml, "<request-type>{}</request-type>", escape(value));
        }
        let mut ext = String::new();
        if let (Some((kind, value)), KindElement::ReqTypeInAnyExt) = (kind, profile.kind_element) {
            let element = match kind {
                MessageKind::AuthorizationResponse => "resp-type",
                _ => "req-type",
            };
            content(&mut ext, element, &profile.string, Some(value));
        }
        let result = self.result.map(|r| if r { "true" } else { "false" });
        content(&mut ext, &profile.result, &profile.boolean, result);
        content(
            &mut ext,
            &profile.partner_id,
            &profile.uri,
            self.partner_id.as_deref(),
        );
        content(
            &mut ext,
            &profile.primary_id,
            &profile.uri,
            self.primary_id.as_deref(),
        );
        if let Some(index) = self.profile_index {
            let name = &profile.profile_index;
            let _ = write!(
                ext,
                "<{name}><user-profile-index>{index}</user-profile-index></{name}>"
            );
        }
        if let Some(stay) = self.stay {
            let _ = write!(ext, "<stay xmlns=\"{STAY_NAMESPACE}\"");
            if let Some(number) = stay.number {
                let _ = write!(ext, " number=\"{number}\"");
            }
            if let Some(procedure) = stay.procedure {
                let _ = write!(ext, " procedure=\"{procedure}\"");
            }
            ext.push_str("/>");
        }
        if !ext.is_empty() {
            let _ = write!(xml, "<anyExt>{ext}</anyExt>");
        }
        let _ = write!(xml, "</{params}></{root}>\r\n");
        xml
    }
}

fn content(xml: &mut String, name: &str, child: &str, value: Option<&str>) {
    if let Some(value) = value {
        let _ = write!(
            xml,
            "<{name} type=\"Normal\"><{child}>{}</{child}></{name}>",
            escape(value)
        );
    }
}
